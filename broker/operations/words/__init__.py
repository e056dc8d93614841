"""Words that the faces share: times, remedies by face, mistakes, the manual."""
