"""Everything that knows pynetdicom or pydicom: Print SCP, Print SCU, and the upper layer."""
