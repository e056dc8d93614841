"""The Print SCP: what modalities ask for, as objects of their associations (PS3.4 H)."""
