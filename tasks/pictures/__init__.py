"""Pictures of results: one a file, each a pure function on plain arrays.

A PNG lies on an opaque light ground, so that it reads on light and dark pages; an HTML page follows the
reader's scheme, stands alone, and holds no script. Colours are those of Okabe and Ito (2008), which the
colour-blind tell apart; nothing is said by colour alone.
"""
