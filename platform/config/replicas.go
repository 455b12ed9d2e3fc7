package config

import (
	"errors"
	"fmt"
	"strings"
)

// ReplicaURLs are the addresses that database_replica_urls lists, separated by commas or white space. A comma inside of one, between two hosts, separates
// nothing. Each may hold a password.
func (c Config) ReplicaURLs() []string {
	said := c.DatabaseReplicaURLs.Reveal()
	for _, scheme := range []string{"postgres://", "postgresql://"} {
		said = strings.ReplaceAll(said, ","+scheme, " "+scheme)
	}
	var urls []string
	for url := range strings.FieldsSeq(said) {
		if url = strings.Trim(url, ","); url != "" {
			urls = append(urls, url)
		}
	}
	return urls
}

// replicaURLs refuses replicas of nothing and what is no address, naming its position and quoting nothing.
func replicaURLs(c Config) error {
	urls := c.ReplicaURLs()
	if len(urls) > 0 && c.DatabaseURL == "" {
		return errors.New("needs database_url (DATABASE_URL), the primary that they are replicas of")
	}
	for i, url := range urls {
		if err := postgresURL(url); err != nil {
			return fmt.Errorf("address %d of %d %w", i+1, len(urls), err)
		}
	}
	return nil
}
