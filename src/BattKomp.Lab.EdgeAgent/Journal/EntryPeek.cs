using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.EdgeAgent.Journal;

/// <summary>Who and which sequences an encoded Entry covers, read without decoding its columns.</summary>
/// <param name="Key">The stream.</param>
/// <param name="FirstSeq">First sequence covered.</param>
/// <param name="Count">Sequences covered: records of a batch, 1 for an opening or an event, 0 for a close.</param>
/// <param name="Body">Which of the four bodies.</param>
public readonly record struct EntryPeek(StreamKey Key, long FirstSeq, long Count, Entry.BodyOneofCase Body)
{
    /// <summary>Last sequence covered; for a close its own first sequence, as acknowledgements name it.</summary>
    public long LastSeq => Body == Entry.BodyOneofCase.Closed ? FirstSeq : FirstSeq + Count - 1;

    /// <summary>Reads the outline of an encoded entry; throws <see cref="InvalidProtocolBufferException"/> when it is not one.</summary>
    public static EntryPeek Of(byte[] payload)
    {
        var input = new CodedInputStream(payload);
        var key = new StreamKey();
        long first = 0, count = 0;
        var body = Entry.BodyOneofCase.None;
        uint tag;
        while ((tag = input.ReadTag()) != 0)
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case Entry.KeyFieldNumber: input.ReadMessage(key); break;
                case Entry.FirstSeqFieldNumber: first = input.ReadInt64(); break;
                case Entry.BatchFieldNumber:
                    body = Entry.BodyOneofCase.Batch;
                    count = RecordsOf(input.ReadBytes());
                    break;
                case var field:
                    body = (Entry.BodyOneofCase)field;
                    count = body == Entry.BodyOneofCase.Closed ? 0 : 1;
                    input.SkipLastField();
                    break;
            }
        }
        return new EntryPeek(key, first, count, body);
    }

    private static long RecordsOf(ByteString batch)
    {
        var input = new CodedInputStream(batch.ToByteArray());
        uint tag;
        while ((tag = input.ReadTag()) != 0)
        {
            if (WireFormat.GetTagFieldNumber(tag) == Batch.UtcNsFieldNumber && WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited)
                return input.ReadLength() / sizeof(long);
            input.SkipLastField();
        }
        return 0;
    }
}
