/** OCI images: pull, verify, store, unpack, and convert to EROFS. */
package dev.casemate.image;
