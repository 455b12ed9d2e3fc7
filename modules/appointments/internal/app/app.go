// Package app implements the use cases of the appointments module, one method each. Each idea has its own service:
// appointment types, and the availability of doctors.
package app
