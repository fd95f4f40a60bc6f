using System.IO.Pipelines;
using BattKomp.Lab.EdgeAgent.Safety;

namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>A line whose traffic is kept in a capture, both ways, as it passes.</summary>
public sealed class CapturedLine(IInstrumentLine line, ChannelWatch watch) : IInstrumentLine
{
    /// <inheritdoc/>
    public PipeReader Input { get; } = new Tee(line.Input, watch);

    /// <inheritdoc/>
    public Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        watch.Bytes(sent: true, bytes.Span);
        return line.SendAsync(bytes, cancel);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => line.DisposeAsync();

    // Each read shows again what was not consumed; only what is new behind it is kept.
    private sealed class Tee(PipeReader inner, ChannelWatch watch) : PipeReader
    {
        private System.Buffers.ReadOnlySequence<byte> _shown;
        private long _seen;

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => Kept(await inner.ReadAsync(cancellationToken));

        public override bool TryRead(out ReadResult result)
        {
            if (!inner.TryRead(out result))
                return false;
            Kept(result);
            return true;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            _seen -= _shown.Slice(0, consumed).Length;
            _shown = default;
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        private ReadResult Kept(ReadResult result)
        {
            foreach (var piece in result.Buffer.Slice(Math.Min(_seen, result.Buffer.Length)))
                watch.Bytes(sent: false, piece.Span);
            (_shown, _seen) = (result.Buffer, result.Buffer.Length);
            return result;
        }
    }
}
