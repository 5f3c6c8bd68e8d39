"""What each way to fine-tune gains and costs, measured on real imagery."""
