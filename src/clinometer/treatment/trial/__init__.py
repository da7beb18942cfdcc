"""One trial: the unchanged script in a process of its own, treated once and watched on."""
