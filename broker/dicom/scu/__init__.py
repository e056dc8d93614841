"""The Print SCU: films on printers, and checks of printers (PS3.4 H)."""
