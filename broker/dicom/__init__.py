"""Everything that knows pynetdicom or pydicom: both doors of the relay, and the wire beneath."""
