"""The edge: health and callbacks for machines, the console for people."""
