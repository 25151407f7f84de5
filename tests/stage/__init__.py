"""What the demo and the node tests share: models, an installed operator, and users who never stop asking."""
