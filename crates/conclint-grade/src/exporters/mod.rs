//! One file for each system that takes marks. All read `marks.json`; none knows how it came about.
