// Package offline holds the test that --offline is kept: it runs the real server
// in a network of its own, in which every address leads back to the test, and
// looks at each packet. It contains nothing but tests and nobody imports it.
package offline
