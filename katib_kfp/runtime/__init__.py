"""What runs inside a component's container. Imports no kfp decorators: kfp refuses them there."""
