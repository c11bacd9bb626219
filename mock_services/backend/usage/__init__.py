"""What organisations use of the paid services, and what that costs."""
