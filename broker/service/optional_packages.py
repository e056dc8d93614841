"""Libraries imported without the packages that they use only where these are installed.

pydicom imports NumPy, for pixels that it decodes; structlog imports Rich, for tracebacks in colour.
The relay needs neither, and `broker check` starts for every check of a load balancer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(*packages: str) -> Iterator[None]:
    """Meanwhile, these packages cannot be imported, unless they are imported already.

    A library that is imported meanwhile does without them as long as the process lives; anything
    else can import them afterwards.
    """
    absent = [each for each in packages if each not in sys.modules]
    # None makes an import raise ModuleNotFoundError: the language reference, "The module cache".
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for each in absent:
            del sys.modules[each]
