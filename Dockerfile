# mindgap on PyTorch's image, with its torch and CUDA. Build the wheel first: scripts/wheel && docker build -t mindgap .
# docker run --gpus all --rm -v "$PWD:/work" mindgap train --data photos
FROM pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime

COPY target/wheel/dist/mindgap-*.whl /tmp/
# Without dependencies, so that the image's torch stays. The image's Python may be marked as Debian's, which pip would not touch.
RUN PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --no-cache-dir --no-deps /tmp/mindgap-*.whl \
    && rm /tmp/mindgap-*.whl \
    && mindgap doctor --device cpu

WORKDIR /work
ENTRYPOINT ["mindgap"]
CMD ["doctor"]
