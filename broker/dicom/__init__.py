"""Everything of the relay that knows pynetdicom or pydicom: Print SCP, Print SCU, upper layer."""
