"""hearlog: music features from listening logs (Lee, Lee, Park, Lee; ICASSP 2019)."""
