"""What a deployment costs a month: measured amounts, dated prices, and arithmetic between them."""
