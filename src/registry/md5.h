// MD5, which some registries want of the parts of an upload, to compare with what their storage
// computes. It protects nothing: a blob is believed for its SHA-256 alone. One object, one thread.
#ifndef INGOT_REGISTRY_MD5_H_
#define INGOT_REGISTRY_MD5_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace ingot::registry {

class Md5 {
 public:
  Md5();
  ~Md5();
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;

  void Update(std::span<const std::byte> data);
  // The 16 bytes; call once.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The name that storage gives to a whole made of parts with these MD5s, each of 16 bytes: the
// lowercase hex MD5 of all of them, "-", how many.
std::string EtagOf(std::span<const std::string> parts);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_MD5_H_
