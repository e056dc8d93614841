"""The printers behind one AE title, as one: what they take, what modalities are told of them."""
