"""From the page's listening socket to a request that was checked: what any peer may cost."""
