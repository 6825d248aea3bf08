"""What the Unicode standard says about characters: break classes, bidirectional classes, clusters, scripts."""
