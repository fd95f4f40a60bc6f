using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using BattKomp.Lab.Contracts;
using LabCatalogue = BattKomp.Lab.Server.Features.Catalogue.Catalogue;
using BattKomp.Lab.Tests.Server.Datasets;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Errors;

/// <summary>Each reason of errors.proto is provoked over the wire, by gRPC and (where the method has REST) by REST.</summary>
public sealed class EveryReasonTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static readonly Reason[] Provoked =
    [
        Reason.FieldsInvalid, Reason.TokenMissingOrUnknown, Reason.NotAllowed, Reason.ResourceNotFound, Reason.BookingRefused, Reason.WrongState, Reason.EtagStale,
        Reason.RequestIdReused, Reason.ResourceExists, Reason.StoreUnavailable, Reason.BatchMalformed, Reason.AgentFenced, Reason.DataGone, Reason.InternalError,
        Reason.EnrolmentRefused, Reason.QuotaExhausted,
    ];

    [Fact]
    public void No_reason_is_left_unprovoked() =>
        Assert.Equal(System.Enum.GetValues<Reason>().Where(r => r != Reason.Unspecified).Order(), Provoked.Order());

    [Fact]
    public async Task Malformed_fields() => await BothAsync(Reason.FieldsInvalid, TestSeed.Teacher,
        i => new BookingService.BookingServiceClient(i).CreateBookingAsync(new CreateBookingRequest { Booking = new Booking() }, cancellationToken: Cancel).ResponseAsync,
        () => Post("/v1/bookings", "{}"));

    [Fact]
    public async Task No_token() => await BothAsync(Reason.TokenMissingOrUnknown, "", ListLabs, () => Get("/v1/labs"));

    [Fact]
    public async Task Not_allowed() => await BothAsync(Reason.NotAllowed, TestSeed.Teacher,
        i => new AgentService.AgentServiceClient(i).ListAgentsAsync(new ListAgentsRequest(), cancellationToken: Cancel).ResponseAsync, () => Get("/v1/agents"));

    [Fact]
    public async Task An_enrolment_token_that_nobody_issued()
    {
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var request = new EnrolAgentRequest { Token = "enrol-guessed", PublicKey = ByteString.CopyFrom(key.ExportSubjectPublicKeyInfo()) };
        await BothAsync(Reason.EnrolmentRefused, "", i => new AgentService.AgentServiceClient(i).EnrolAgentAsync(request, cancellationToken: Cancel).ResponseAsync,
            () => Post("/v1/agents:enrol", JsonFormatter.Default.Format(request)));
    }

    [Fact]
    public async Task Not_found() => await BothAsync(Reason.ResourceNotFound, TestSeed.Teacher,
        i => new LabService.LabServiceClient(i).GetRigAsync(new GetRigRequest { Name = "rigs/none" }, cancellationToken: Cancel).ResponseAsync, () => Get("/v1/rigs/none"));

    [Fact]
    public async Task Booking_refused()
    {
        await using var lab = await TestLab.StartAsync();
        var booking = ABooking();
        await Bookings(lab).CreateBookingAsync(new CreateBookingRequest { Booking = booking }, cancellationToken: Cancel);
        await BothAsync(lab, Reason.BookingRefused, TestSeed.IndustryEngineer,
            i => new BookingService.BookingServiceClient(i).CreateBookingAsync(new CreateBookingRequest { Booking = booking }, cancellationToken: Cancel).ResponseAsync,
            () => Post("/v1/bookings", JsonFormatter.Default.Format(booking)));
    }

    [Fact]
    public async Task A_quota_that_is_used_up()
    {
        await using var lab = await TestLab.StartAsync();
        var policies = new PolicyService.PolicyServiceClient(lab.As(TestSeed.LabManager));
        await policies.CreatePolicyAsync(new CreatePolicyRequest { Policy = new BookingPolicy { Scope = TestSeed.Lab, Quotas = { new Quota { Subject = QuotaSubject.Person, Period = QuotaPeriod.Year, MaxMinutes = 1 } } } }, cancellationToken: Cancel);
        await BothAsync(lab, Reason.QuotaExhausted, TestSeed.DoctoralStudent,
            i => new BookingService.BookingServiceClient(i).CreateBookingAsync(new CreateBookingRequest { Booking = ABooking() }, cancellationToken: Cancel).ResponseAsync,
            () => Post("/v1/bookings", JsonFormatter.Default.Format(ABooking())));
    }

    [Fact]
    public async Task Wrong_state_and_a_stale_etag()
    {
        await using var lab = await TestLab.StartAsync();
        var made = await Bookings(lab).CreateBookingAsync(new CreateBookingRequest { Booking = ABooking() }, cancellationToken: Cancel);
        await BothAsync(lab, Reason.EtagStale, TestSeed.DoctoralStudent,
            i => new BookingService.BookingServiceClient(i).CancelBookingAsync(new CancelBookingRequest { Name = made.Name, Etag = "old" }, cancellationToken: Cancel).ResponseAsync,
            () => Post($"/v1/{made.Name}:cancel", """{"etag":"old"}"""));
        await Bookings(lab).CancelBookingAsync(new CancelBookingRequest { Name = made.Name }, cancellationToken: Cancel);
        await BothAsync(lab, Reason.WrongState, TestSeed.DoctoralStudent,
            i => new BookingService.BookingServiceClient(i).CancelBookingAsync(new CancelBookingRequest { Name = made.Name }, cancellationToken: Cancel).ResponseAsync,
            () => Post($"/v1/{made.Name}:cancel", "{}"));
    }

    [Fact]
    public async Task A_request_id_used_for_something_else_and_an_id_that_is_taken()
    {
        await using var lab = await TestLab.StartAsync();
        var client = new LabService.LabServiceClient(lab.As(TestSeed.DoctoralStudent));
        var made = await client.CreateTestObjectAsync(new CreateTestObjectRequest { TestObject = ACell("one"), TestObjectId = "one", RequestId = "r" }, cancellationToken: Cancel);
        await BothAsync(lab, Reason.RequestIdReused, TestSeed.DoctoralStudent,
            i => new LabService.LabServiceClient(i).CreateTestObjectAsync(new CreateTestObjectRequest { TestObject = ACell("two"), RequestId = "r" }, cancellationToken: Cancel).ResponseAsync,
            () => Post("/v1/testObjects?requestId=r", JsonFormatter.Default.Format(ACell("three"))));
        await BothAsync(lab, Reason.ResourceExists, TestSeed.DoctoralStudent,
            i => new LabService.LabServiceClient(i).CreateTestObjectAsync(new CreateTestObjectRequest { TestObject = ACell("two"), TestObjectId = ResourceNames.LastId(made.Name) }, cancellationToken: Cancel).ResponseAsync,
            () => Post("/v1/testObjects?testObjectId=one", JsonFormatter.Default.Format(ACell("two"))));
    }

    [Fact]
    public async Task A_full_disk_refuses_the_booking_keeps_nothing_of_it_and_takes_it_once_there_is_space()
    {
        using var disk = new TinyDisk(48);
        await using (var lab = await TestLab.StartAsync(dataDirectory: disk.Folder))
        {
            lab.AllowErrors = true;
            var request = new CreateBookingRequest { Booking = ABooking(), RequestId = "full" };
            disk.Fill();
            await BothAsync(lab, Reason.StoreUnavailable, TestSeed.DoctoralStudent,
                i => new BookingService.BookingServiceClient(i).CreateBookingAsync(request, cancellationToken: Cancel).ResponseAsync,
                () => Post("/v1/bookings", JsonFormatter.Default.Format(request.Booking)));
            disk.Free();
            var made = await Bookings(lab).CreateBookingAsync(request, cancellationToken: Cancel);
            Assert.Equal(BookingState.Confirmed, made.State);
            var list = await Bookings(lab).ListBookingsAsync(new ListBookingsRequest { Window = request.Booking.Window }, cancellationToken: Cancel);
            Assert.Single(list.Bookings);
        }
    }

    [Fact]
    public async Task A_malformed_ingest_call_and_an_agent_that_is_not_who_it_says()
    {
        await using var lab = await TestLab.StartAsync();
        await Refused.WithAsync(Reason.BatchMalformed, () => IngestAsync(lab, new IngestRequest { Entry = new Entry() }));
        await Refused.WithAsync(Reason.AgentFenced, () => IngestAsync(lab, new IngestRequest { Hello = new IngestHello { Agent = TestSeed.OtherAgentName, Boot = "b" } }));
    }

    [Fact]
    public async Task A_file_of_a_dataset_that_is_no_longer_there()
    {
        await using var lab = await DatasetLab.StartAsync();
        var key = IngestLab.Key();
        await lab.IngestAsync(IngestLab.Opened(key), IngestLab.Records(key, 1, 10));
        var made = await lab.As(TestSeed.DoctoralStudent).CreateDatasetAsync(new CreateDatasetRequest { Dataset = new Dataset { Of = DatasetLab.Run } }, cancellationToken: Cancel);
        foreach (var file in Directory.GetFiles(lab.Lab.Options.DataDirectory, "cycles.csv", SearchOption.AllDirectories)) File.Delete(file);
        await BothAsync(lab.Lab, Reason.DataGone, TestSeed.DoctoralStudent, async i =>
        {
            using var call = new DatasetService.DatasetServiceClient(i).DownloadFile(new DownloadFileRequest { Name = made.Name, File = "cycles.csv" }, cancellationToken: Cancel);
            await call.ResponseStream.MoveNext(Cancel);
        }, () => Get($"/v1/{made.Name}/files/cycles.csv"));
    }

    [Fact]
    public async Task A_bug_answers_with_a_trace_id_and_no_word_of_the_exception()
    {
        await using var lab = await TestLab.StartAsync(configure: b => b.Services.AddSingleton(_ => new LabCatalogue(null!, TimeProvider.System)));
        lab.AllowErrors = true;
        await BothAsync(lab, Reason.InternalError, TestSeed.Teacher, async i =>
        {
            try
            {
                await ListLabs(i);
            }
            catch (RpcException e)
            {
                Assert.DoesNotContain("Object reference", e.Status.Detail, StringComparison.Ordinal);
                Assert.Matches("[0-9a-zA-Z]{8,}", ErrorCatalogue.InfoOf(e)!.Metadata["trace"]);
                throw;
            }
        }, () => Get("/v1/labs"));
    }

    private static Task ListLabs(CallInvoker invoker) => new LabService.LabServiceClient(invoker).ListLabsAsync(new ListLabsRequest(), cancellationToken: Cancel).ResponseAsync;

    private static BookingService.BookingServiceClient Bookings(TestLab lab) => new(lab.As(TestSeed.DoctoralStudent));

    private static async Task IngestAsync(TestLab lab, IngestRequest first)
    {
        using var call = new IngestService.IngestServiceClient(lab.As(TestSeed.Agent)).Ingest(cancellationToken: Cancel);
        await call.RequestStream.WriteAsync(first, Cancel);
        await call.RequestStream.CompleteAsync();
        while (await call.ResponseStream.MoveNext(Cancel))
        {
        }
    }

    private static async Task BothAsync(Reason reason, string token, Func<CallInvoker, Task> grpc, Func<HttpRequestMessage> rest)
    {
        await using var lab = await TestLab.StartAsync();
        await BothAsync(lab, reason, token, grpc, rest);
    }

    private static async Task BothAsync(TestLab lab, Reason reason, string token, Func<CallInvoker, Task> grpc, Func<HttpRequestMessage> rest)
    {
        var e = await Refused.WithAsync(reason, () => grpc(lab.As(token)));
        Assert.EndsWith(".", e.Status.Detail, StringComparison.Ordinal);
        using var http = lab.HttpAs(token);
        using var response = await http.SendAsync(rest(), Cancel);
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!;
        Assert.Equal(ErrorCatalogue.RuleOf(reason).Status, body["code"]!.GetValue<int>());
        Assert.NotEqual(HttpStatusCode.OK, response.StatusCode);
        var info = Assert.Single(body["details"]!.AsArray(), d => d!["@type"]!.GetValue<string>().EndsWith("google.rpc.ErrorInfo", StringComparison.Ordinal));
        Assert.Equal(ErrorCatalogue.NameOf(reason), info!["reason"]!.GetValue<string>());
        Assert.Equal(ErrorCatalogue.Domain, info["domain"]!.GetValue<string>());
    }

    private static HttpRequestMessage Get(string path) => new(HttpMethod.Get, path);

    private static HttpRequestMessage Post(string path, string json) => new(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };

    private static Booking ABooking()
    {
        var start = TimeProvider.System.GetUtcNow().AddHours(2);
        return new Booking
        {
            Channels = { TestSeed.CyclerChannel(1) },
            Window = new TimeWindow { Start = Timestamp.FromDateTimeOffset(start), End = Timestamp.FromDateTimeOffset(start.AddHours(1)) },
            Purpose = "research",
            ActivityClass = "research",
            EducationLevel = "phd",
            Headcount = 1,
            Presence = Presence.RemoteOperate,
        };
    }

    private static TestObject ACell(string title) => new()
    {
        Kind = "cell",
        Title = title,
        NominalAmpereHour = 3,
        Condition = "new",
        HazardClass = "h1",
        TransportStatus = "prototype",
    };
}
