# Debian's cross compiler for 64-bit ARM, and qemu to run what it makes: the packages of the group
# `cross` in tools/apt.txt. On an ARM machine the native compiler serves.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# Programs such as ccache are the host's. Libraries come from Debian's directories for aarch64,
# headers without a machine (nlohmann-json) from the host's.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(ENV{PKG_CONFIG_LIBDIR} "/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig")

# Programs run on the C library that libssl-dev:arm64 brought with it. The cross compiler's package
# has another copy, for linking: its loader and that library must not meet, which is why there is
# no -L for qemu here, and why the C++ library, which has no second copy, is linked in.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static-libstdc++ -static-libgcc")

# A cross build shows that the portable rooms are portable; the others would need every package
# for aarch64.
set(INGOT_ROOMS "core;tensor;quant;kernels" CACHE STRING "Rooms to build")
