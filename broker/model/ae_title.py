"""What an AE title may be (PS3.5 6.2, VR AE)."""

from __future__ import annotations

import re

RIGHT_TITLE = "use 1 to 16 ASCII characters, no backslash, not only spaces"
"""What is said of one that cannot be."""


def is_ae_title(text: str) -> bool:
    """Whether an Application Entity may be called so; spaces around it do not count."""
    return re.fullmatch(r"[ -\[\]-~]{1,16}", text.strip(" ")) is not None
