#!/bin/sh
echo "as it stands"
