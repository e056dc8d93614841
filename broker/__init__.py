"""A DICOM print broker: films in from modalities, films out to the least-loaded healthy printer."""
