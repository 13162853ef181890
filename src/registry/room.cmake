find_package(CURL 7.85 REQUIRED)
find_package(OpenSSL REQUIRED)
# Which names lie below which registrable domain: Mozilla's public suffix list.
find_path(INGOT_PSL_INCLUDE libpsl.h REQUIRED)
find_library(INGOT_PSL_LIBRARY psl REQUIRED)
set(INGOT_ROOM_LIBS CURL::libcurl OpenSSL::Crypto "${INGOT_PSL_LIBRARY}")
set(INGOT_ROOM_DEFINITIONS "INGOT_VERSION=\"${PROJECT_VERSION}\"")
