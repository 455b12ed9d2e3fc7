package modules
