"""What a recipe's training costs on this machine (`whole.benchmark`): each section measures one part of it."""
