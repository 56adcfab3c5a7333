"""Studies: the same scene with other values of some settings, side by side.

::

    axes      settings and their values; asked: by the command line and by a scene
    grid      which cells they make, and on which page of the sheet each is
    cells     each cell as a scene of its own, or what is wrong with it
    identity  what a cell paints, as a hash: cells that paint the same are one painting
    folder    what a study leaves on the disk
    painting  a piece of work: a scene and a folder; painters: who paints all of them
    make      what is missing is painted, then shown
    results   state, score and pictures of each cell
    table, sheet, page    the same as CSV, as pictures and for a browser
"""
