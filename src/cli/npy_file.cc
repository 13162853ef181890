#include "cli/npy_file.h"

#include <bit>

#include "core/strings.h"

namespace ingot::cli {

static_assert(std::endian::native == std::endian::little,
              "the file's numbers are written as they lie");

std::string NpyHeader(size_t rows, size_t columns) {
  std::string header = core::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (", rows,
                                    ", ", columns, "), }");
  constexpr size_t kPrefix = 10;  // magic, version, length
  while ((kPrefix + header.size() + 1) % 64 != 0) header.push_back(' ');
  header.push_back('\n');
  std::string out("\x93NUMPY\x01\x00", 8);
  out.push_back(static_cast<char>(header.size() & 0xFF));
  out.push_back(static_cast<char>(header.size() >> 8));
  return out + header;
}

void AppendNumbers(std::span<const float> numbers, std::string& file) {
  file.append(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
}

}  // namespace ingot::cli
