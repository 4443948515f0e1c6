"""The report as one self-contained page: tables that sort, figures, songs to listen to, and what ran."""
