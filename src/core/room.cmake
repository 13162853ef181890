find_package(OpenSSL REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
set(INGOT_ROOM_LIBS OpenSSL::Crypto Threads::Threads nlohmann_json::nlohmann_json)
