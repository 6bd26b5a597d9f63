// Package apitest tests the generated packages together: what every operation
// is on the wire, that one router finds them all, and that every pattern of
// the models is checked. It has tests only.
package apitest
