"""Accuracy of a thematic map and area of its classes from a stratified random sample of labelled points.

Source: P. Olofsson, G. M. Foody, M. Herold, S. V. Stehman, C. E. Woodcock, M. A. Wulder, "Good practices for
estimating area and assessing accuracy of land change", Remote Sensing of Environment 148 (2014) 42-57. Equation
numbers in this package are those of the paper.
"""
