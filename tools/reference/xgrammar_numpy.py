"""The xgrammar wheel without torch, for comparing token masks: `from xgrammar_numpy import xgrammar`.

The wheel imports torch and transformers (some gigabytes) for tensors that hold the masks and for
the tokenizers of transformers. Compiling grammars, matching and filling masks need neither: a mask
is 32-bit integers in memory, and a numpy array is as good. So their names are given stand-ins that
have just what is touched on import; anything else that asks for them fails, as it should.
"""

import sys
import types

import numpy as np
import tvm_ffi  # noqa: F401  looks for the real torch, so it goes before the stand-in


def _stand_in(name: str, **members: object) -> None:
    if name in sys.modules:
        raise ImportError(f"{name} is already imported; import xgrammar_numpy before it")
    module = types.ModuleType(name)
    for member, value in members.items():
        setattr(module, member, value)
    sys.modules[name] = module


def _no_library(*_args: object, **_kwargs: object) -> object:
    return lambda function: function


_stand_in(
    "torch",
    Tensor=np.ndarray,
    LongTensor=np.ndarray,
    FloatTensor=np.ndarray,
    int32=np.int32,
    dtype=np.dtype,
    tensor=lambda value, dtype=None: np.array(value, dtype=dtype),
    full=lambda shape, value, dtype=None: np.full(shape, value, dtype=dtype),
    library=types.SimpleNamespace(custom_op=_no_library, register_fake=_no_library),
)
_stand_in(
    "transformers",
    LogitsProcessor=object,
    PreTrainedTokenizerBase=type("PreTrainedTokenizerBase", (), {}),
    PreTrainedTokenizerFast=type("PreTrainedTokenizerFast", (), {}),
)

import xgrammar  # noqa: E402

__all__ = ["xgrammar"]
