package config

import (
	"errors"
	"fmt"
	"strings"
)

// ReplicaURLs returns the addresses in database_replica_urls, which are separated by commas or white space. A comma
// between two hosts of one address is not a separator. Each address may contain a password.
func (c Config) ReplicaURLs() []string {
	list := c.DatabaseReplicaURLs.Reveal()
	for _, scheme := range []string{"postgres://", "postgresql://"} {
		list = strings.ReplaceAll(list, ","+scheme, " "+scheme)
	}
	var urls []string
	for url := range strings.FieldsSeq(list) {
		if url = strings.Trim(url, ","); url != "" {
			urls = append(urls, url)
		}
	}
	return urls
}

// checkReplicaURLs rejects replicas without a primary, and invalid addresses. Errors name the position without quoting
// the address.
func checkReplicaURLs(c Config) error {
	urls := c.ReplicaURLs()
	if len(urls) > 0 && c.DatabaseURL == "" {
		return errors.New("needs database_url (DATABASE_URL), the primary of the replicas")
	}
	for i, url := range urls {
		if err := checkPostgresURL(url); err != nil {
			return fmt.Errorf("address %d of %d %w", i+1, len(urls), err)
		}
	}
	return nil
}
