// NumPy's file format, version 1.0, for tables of float32: what commands write arrays to. Pure; any
// thread.
#ifndef INGOT_CLI_NPY_FILE_H_
#define INGOT_CLI_NPY_FILE_H_

#include <cstddef>
#include <span>
#include <string>

namespace ingot::cli {

// What stands before the numbers of a table [rows, columns], one row after the other.
std::string NpyHeader(size_t rows, size_t columns);
// Adds numbers as the format has them.
void AppendNumbers(std::span<const float> numbers, std::string& file);

}  // namespace ingot::cli

#endif  // INGOT_CLI_NPY_FILE_H_
