# Writes rtp_srtp.h, named as the argument; needs PyPI's cryptography.
import hmac,hashlib,struct,sys
from cryptography.hazmat.primitives.ciphers import Cipher,algorithms,modes
def ctr(key,iv,data):
    c=Cipher(algorithms.AES(key),modes.CTR(iv.to_bytes(16,'big'))).encryptor()
    return c.update(data)
mk=bytes.fromhex('E1F97A0D3E018BE0D64FA32C06DE4139'); ms=bytes.fromhex('0EC675AD498AFEEBB6960B3AABE6')
def kdf(label,n):
    x=(label<<48)^int.from_bytes(ms,'big')
    return ctr(mk,x<<16,bytes(n))
assert kdf(0,16).hex().upper()=='C61E7A93744F39EE10734AFE3FF7A087'
assert kdf(2,14).hex().upper()=='30CBBC08863D8C85D49DB34A9AE1'
assert kdf(1,20).hex().upper()[:40]=='CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'
def srtp(pkt,hl,roc):
    k,a,s=kdf(0,16),kdf(1,20),int.from_bytes(kdf(2,14),'big')
    ssrc=int.from_bytes(pkt[8:12],'big'); seq=int.from_bytes(pkt[2:4],'big')
    iv=(s<<16)^(ssrc<<64)^(((roc<<16)|seq)<<16)
    out=pkt[:hl]+ctr(k,iv,pkt[hl:])
    return out+hmac.new(a,out+struct.pack('>I',roc),hashlib.sha1).digest()[:10]
def srtcp(pkt,idx):
    k,a,s=kdf(3,16),kdf(4,20),int.from_bytes(kdf(5,14),'big')
    ssrc=int.from_bytes(pkt[4:8],'big')
    iv=(s<<16)^(ssrc<<64)^(idx<<16)
    out=pkt[:8]+ctr(k,iv,pkt[8:])+struct.pack('>I',0x80000000|idx)
    return out+hmac.new(a,out,hashlib.sha1).digest()[:10]
def hdr(seq,ts,ssrc,pt=96): return struct.pack('>BBHII',0x80,pt,seq,ts,ssrc)
pl=bytes(range(40))
v=[]
p=hdr(0x1234,0xdecafbad,0xcafebabe,0x0f)+b'\xab'*16
v.append(('rtp_plain',p)); v.append(('rtp_sealed',srtp(p,12,0)))
assert srtp(p,12,0).hex()=='800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb'
# one CSRC, one-byte extension, end of circle and next one
e=bytes([0x91,0xe0])+struct.pack('>HII',65535,1000,0x11223344)+b'\x00\x00\x00\x05'+bytes.fromhex('bede00011085aabb')+pl
v.append(('ext_plain',e)); v.append(('ext_sealed',srtp(e,24,0)))
w=hdr(0,1960,0x11223344)+pl
v.append(('wrap_plain',w)); v.append(('wrap_sealed',srtp(w,12,1)))
r=bytes.fromhex('80c80006cafebabe')+struct.pack('>QIII',0xe0000000_80000000,0xdecafbad,5,80)
v.append(('rtcp_plain',r)); v.append(('rtcp_sealed_1',srtcp(r,1))); v.append(('rtcp_sealed_2',srtcp(r,2)))
o=["/*"," * SRTP and SRTCP under the master key and salt of RFC 3711 B.3, computed with"," * OpenSSL's AES-CTR and HMAC-SHA1 by the letter of RFC 3711 4.1.1, 4.2, 4.3"," * (the derived keys equal those printed in B.3), not with libsrtp2. rtp_* is"," * also the vector in libsrtp's own test driver. ext_*: CSRC and extension,"," * number 65535 at roll-over counter 0; wrap_*: the same SSRC, number 0 at"," * roll-over counter 1."," */","#ifndef HEARTH_VECTORS_RTP_SRTP_H","#define HEARTH_VECTORS_RTP_SRTP_H","","#include <stdint.h>","","/* clang-format off */"]
def arr(n,b):
    o.append(f"static const uint8_t {n}[] = {{")
    for i in range(0,len(b),12): o.append("\t"+" ".join(f"0x{x:02x}," for x in b[i:i+12]))
    o.append("};")
arr("master_key",mk); arr("master_salt",ms)
for n,b in v: arr(n,b)
o+=["/* clang-format on */","","#endif",""]
with open(sys.argv[1], "w") as f:
    f.write("\n".join(o))
