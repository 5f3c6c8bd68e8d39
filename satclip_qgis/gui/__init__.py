"""Everything with a window: the dock, its pages, the job panel, map tools and dialogs."""
