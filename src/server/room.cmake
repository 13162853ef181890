# Boost.Beast and Asio are headers alone; they are included by src/server/net/*.cc and nowhere else.
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Threads REQUIRED)
add_library(ingot_boost INTERFACE)
target_include_directories(ingot_boost SYSTEM INTERFACE "${Boost_INCLUDE_DIRS}")
target_compile_definitions(ingot_boost INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ERROR_CODE_HEADER_ONLY)
set(INGOT_ROOM_LIBS ingot_boost OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
set(INGOT_ROOM_DEFINITIONS "INGOT_VERSION=\"${PROJECT_VERSION}\"")
