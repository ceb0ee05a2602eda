"""The parts of bench/run.py, one noun each: what there is to run (catalog), running it (runner),
medians and ratios of what came out (results), and the three ways to show them (table, page, files).
"""
