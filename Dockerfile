# animator for the CPU; for an NVIDIA card: docker build --build-arg TORCH_INDEX= -t animator .
FROM python:3.12-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# OpenCV's headless wheel needs glib; fonts are for labels on sheets and plots.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-dejavu-core git libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

RUN if [ -n "$TORCH_INDEX" ]; then pip install --no-cache-dir torch torchvision --index-url "$TORCH_INDEX"; fi

COPY . /src
RUN pip install --no-cache-dir /src && rm -rf /src

# Weights outlive the container in a volume; scenes and renders are in the folder that is mounted here.
ENV ANIMATOR_CACHE=/weights \
    HOME=/tmp
RUN mkdir -m 777 /weights
VOLUME /weights
WORKDIR /work

ENTRYPOINT ["animator"]
CMD ["--help"]
