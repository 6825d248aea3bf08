"""How good the pages are, measured: are the characters that stand on them the ones that can be read?"""
