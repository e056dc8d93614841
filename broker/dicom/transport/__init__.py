"""Associations on plain blocking sockets, built on pynetdicom's PDU codecs and negotiation."""
