using BattKomp.Lab.V1;
using Google.Protobuf;
using Grpc.Core;

namespace BattKomp.Lab.EdgeAgent.Uplink;

/// <summary>The Ingest method with requests as bytes: a journalled Entry is wrapped, never decoded and encoded again.</summary>
internal static class RawIngest
{
    public static readonly Method<byte[], IngestReply> Method = new(
        MethodType.DuplexStreaming,
        "battkomp.lab.v1.IngestService",
        "Ingest",
        Marshallers.Create<byte[]>(static bytes => bytes, static bytes => bytes),
        Marshallers.Create(static reply => reply.ToByteArray(), static bytes => IngestReply.Parser.ParseFrom(bytes)));

    /// <summary>An IngestRequest whose `entry` is the given encoded Entry.</summary>
    public static byte[] Wrap(byte[] entry)
    {
        var size = CodedOutputStream.ComputeTagSize(IngestRequest.EntryFieldNumber) + CodedOutputStream.ComputeLengthSize(entry.Length) + entry.Length;
        var request = new byte[size];
        var output = new CodedOutputStream(request);
        output.WriteTag(IngestRequest.EntryFieldNumber, WireFormat.WireType.LengthDelimited);
        output.WriteLength(entry.Length);
        output.Flush();
        entry.CopyTo(request.AsSpan(size - entry.Length));
        return request;
    }
}
