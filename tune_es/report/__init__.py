"""What a sweep has to tell, from its folder: a page, plots, and explanations in words."""
