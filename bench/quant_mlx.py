"""The other side of bench_quant: times mlx.core on the same array, one request a line.

    quant_mlx.py ARRAY ROWS COLUMNS TYPE wall|cpu

Reads "quantize MODE BITS GROUP ROWS" or "dequantize …" from standard input, answers with seconds.
"""

import sys
import time

import mlx.core as mx
import numpy as np

WORDS = {"F32": np.uint32, "F16": np.uint16, "BF16": np.uint16}
TYPES = {"F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16}


def main():
    path, rows, columns, name = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    now = time.process_time if sys.argv[5] == "cpu" else time.perf_counter
    mx.set_default_device(mx.cpu)
    words = np.fromfile(path, WORDS[name]).reshape(rows, columns)
    array = mx.array(words).view(TYPES[name])
    mx.eval(array)
    quantized = {}
    for line in sys.stdin:
        request = line.split()
        if request == ["ready"]:
            print(0.0, flush=True)
            continue
        verb, mode, bits, group, count = request[0], request[1], *map(int, request[2:])
        settings = {"mode": mode, "bits": bits, "group_size": group}
        part = array[:count]
        if verb == "dequantize" and (mode, bits, group) not in quantized:
            quantized = {(mode, bits, group): mx.quantize(part, **settings)}
            mx.eval(quantized[mode, bits, group])
        mx.eval(part)
        begin = now()
        if verb == "quantize":
            mx.eval(mx.quantize(part, **settings))
        else:
            mx.eval(mx.dequantize(*quantized[mode, bits, group], **settings, dtype=TYPES[name]))
        print(now() - begin, flush=True)


if __name__ == "__main__":
    main()
